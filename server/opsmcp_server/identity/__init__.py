"""Who calls over HTTP: tokens become principals, and what brings none is refused in words."""
