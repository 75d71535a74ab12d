"""From a run to what is told of it: summary, structured form, slices of output. Pure."""
