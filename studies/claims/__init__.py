"""The claims of the blog post and the paper, each tested with seeds, intervals and controls."""
