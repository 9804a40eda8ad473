"""The other side of the wire, loopback only: a local Slack, a mailbox, one page; imports no other adapter."""
