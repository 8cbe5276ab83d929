"""What the cabinet's templates can say beside Django's own."""
