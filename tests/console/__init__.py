"""The web console, driven in Chromium against a real gateway. Checks only what a person sees and what the backend gets."""
