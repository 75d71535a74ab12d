"""Words, shapes and errors that all of the chat uses."""
