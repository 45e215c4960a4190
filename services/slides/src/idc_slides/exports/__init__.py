"""What is taken away from a slide: tables, annotations, maps, a page for print."""
