"""What tests share: real servers as processes, a client that speaks to them, and deadlines."""
