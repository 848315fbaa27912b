"""The command line of the doctor: options, report and progress."""
