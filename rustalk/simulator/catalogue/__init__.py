"""Every call script that the Direct Routing document names, played from both ends against a running SBC."""
