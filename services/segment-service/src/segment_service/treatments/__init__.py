"""What customers of each class and grade get, and what it costs."""
