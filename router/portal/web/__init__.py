"""What all pages share: routes, sessions, guards, forms and templates."""
