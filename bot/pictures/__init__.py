"""What the coach draws. Libraries for drawing are loaded when the first picture is made, not before."""
