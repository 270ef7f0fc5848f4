"""What pages and APIs take in: each form is a marshmallow schema, whose words both show at the field."""
