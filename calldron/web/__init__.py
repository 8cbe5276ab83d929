"""The cabinet: what a person does in a browser."""
