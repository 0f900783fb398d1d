"""What people and the model said of each inspection, in one database; SQLAlchemy lives here."""
