"""What opsmcp is shipped as: image, chart, bundle, man pages; and what makes them."""
