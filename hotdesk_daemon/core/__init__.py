"""The pure heart: desks, bookings, sign-ins, rules, reasons. Imports the standard library and attrs, nothing else."""
