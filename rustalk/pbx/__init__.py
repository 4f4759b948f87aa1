"""The PBX: phones register here, numbers lead to phones, groups and trunks, and policies say which calls may go."""
