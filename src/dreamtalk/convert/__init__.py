"""Official checkpoints and other people's files in, other motion formats out."""
