"""The edge to Rasa: the only code that talks to it."""
