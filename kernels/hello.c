/* Says hello, after a little work, so that the compiler's options have something to improve.
 *
 * The greeting goes through ROT13 an even number of times, which gives it back.
 *
 * Exit status: 0; 65 if the greeting came out wrong.
 */
#include <stdio.h>
#include <string.h>

#define TURNS 200000

static char rotate(char letter)
{
    if (letter >= 'a' && letter <= 'z')
        return (char)('a' + (letter - 'a' + 13) % 26);
    if (letter >= 'A' && letter <= 'Z')
        return (char)('A' + (letter - 'A' + 13) % 26);
    return letter;
}

int main(void)
{
    static const char greeting[] = "Hello, world!";
    char text[sizeof greeting];

    memcpy(text, greeting, sizeof text);
    for (int turn = 0; turn < TURNS; ++turn)
        for (size_t i = 0; i + 1 < sizeof text; ++i)
            text[i] = rotate(text[i]);
    puts(text);
    return strcmp(text, greeting) == 0 ? 0 : 65;
}
