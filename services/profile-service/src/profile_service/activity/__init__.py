"""What customers did last: the file changes after every order, delivery, return, call and campaign response."""
