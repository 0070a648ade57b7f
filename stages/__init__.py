"""One command per DVC stage: read, one library call, write. The science is in `grvae`."""
