"""The web page: an API over the run log, a live stream, and the page itself (TypeScript, in `ui/`)."""
