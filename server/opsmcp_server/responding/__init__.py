"""What is done about signals: works on incidents with the functions that calls go through."""
