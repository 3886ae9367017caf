"""The pure heart: desks, bookings, sign-ins, rules and reasons. Imports the standard library and attrs, nothing else."""
