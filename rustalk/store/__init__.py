"""What outlives the process: the configuration overlay, registrations, tokens, the audit log and call records.

SQLite by default, PostgreSQL for several nodes. All SQL of the product stands in this package and binds its values.
`database` is the only place that has threads; what is above it is called back in the reactor.
"""
