"""HTTP: the application, who may enter, errors, the JSON API, and the way to the engine."""
