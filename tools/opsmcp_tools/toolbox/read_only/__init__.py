"""What is known only to read: programs, the languages of some of them, command lines, scripts."""
