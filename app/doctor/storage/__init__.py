"""What the doctor reads and writes: documents of any form, the journal, and a scratch file."""
