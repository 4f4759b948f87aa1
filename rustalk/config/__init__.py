"""The configuration: what can be set, what it means, and how a JSON file becomes checked, frozen values.

`model` holds the sections and their defaults, `load` turns text into a `Settings` or says all that is wrong with it,
`describe` writes the reference in docs/configuration.md from the model.
"""
