"""What happened, told in the past tense, and its hand-over to whoever reacts."""
