"""The only threads and processes of the portal, and the history of what they did."""
