"""What is kept of patches: results, reviews, images, exports, the feed, retention."""
