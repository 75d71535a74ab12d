"""A call's arguments: checked, completed, refused with what is allowed."""
