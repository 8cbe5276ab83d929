"""The pages, a module for each subject: its views and, at the end, what they answer to."""
