"""What outlives a crash or a power cut: the record, the file it is written to, and the actions not reported yet."""
