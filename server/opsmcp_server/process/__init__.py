"""What concerns the whole process: its signals, its memory, its log."""
