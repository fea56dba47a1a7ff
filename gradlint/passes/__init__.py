"""Pure functions from a flow to facts about it."""
