"""The live stream: what is stored is sent as server-sent events, with the store as the only buffer."""
