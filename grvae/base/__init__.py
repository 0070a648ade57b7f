"""What every part needs: errors, files, random streams, statistics, commands."""
