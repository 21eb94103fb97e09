"""Who may ask for what: tokens, the names of this server, the headers of every answer, and the guard in front."""
