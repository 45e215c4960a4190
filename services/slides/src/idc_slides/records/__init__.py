"""What is kept of slides: records, the queue, cells, reviews, and the list of those that were screened."""
