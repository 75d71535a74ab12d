"""What goes out: messages about incidents, to chats, mail and other programs."""
