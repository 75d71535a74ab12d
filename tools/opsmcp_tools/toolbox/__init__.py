"""From a catalogue to tools: names, schemas, descriptions, hints, plans, lint."""
