"""What operators do, as one table: the command line runs it here, the gateway's API serves it, and a command line
elsewhere asks for it there.
"""
