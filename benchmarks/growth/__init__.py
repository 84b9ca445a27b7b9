"""How the time and memory of every week's main step grow with n."""
