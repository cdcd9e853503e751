/*
 * check writes a file's name and line to a pipe for each assertion that holds,
 * to say where a test was that dies: a third of the time that the tests take.
 * Linked in place of that; sanitisers and valgrind say where it was.
 */
void __wrap__mark_point(const char *file, int line);

void
__wrap__mark_point(const char *file, int line)
{
	(void)file;
	(void)line;
}
