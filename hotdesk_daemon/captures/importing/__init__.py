"""
What people already have, as inputs: messages of a workspace integration, JSON-RPC frames, lists, results over SSH.

From files to JSON documents (`documents`), to what each of them is (`kinds`), to what was told, when and by which
device (`messages`, `frames`, `results`), to the history of desks (`history`).
"""
