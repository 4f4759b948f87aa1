"""The REST API: a door of JSON over HTTP to a running switch. Thin routes; what they show are snapshots."""
