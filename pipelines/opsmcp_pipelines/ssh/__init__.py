"""Scripts on other hosts, through the person's own OpenSSH."""
