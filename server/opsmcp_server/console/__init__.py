"""The pages on which people see requests and decide: plain HTML without any script."""
