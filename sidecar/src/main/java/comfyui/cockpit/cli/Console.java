package comfyui.cockpit.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.util.ArrayList;
import java.util.List;

/**
 * Where text goes: documents to standard output, progress to standard error.
 *
 * @param terminal true if a person looks on and can answer
 */
public record Console(PrintStream out, PrintStream err, InputStream in, boolean terminal, int width) {

  /** Asks; anything but yes is no. */
  boolean confirm(String question) throws IOException {
    err.print(question + " [y/N] ");
    err.flush();
    String answer = new BufferedReader(new InputStreamReader(in, Charset.defaultCharset())).readLine();
    return answer != null && answer.strip().toLowerCase(java.util.Locale.ROOT).startsWith("y");
  }

  /** Columns as wide as their widest cell. */
  static List<String> table(List<List<String>> rows) {
    int columns = rows.stream().mapToInt(List::size).max().orElse(0);
    int[] widths = new int[columns];
    for (List<String> row : rows) {
      for (int i = 0; i < row.size(); i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    List<String> lines = new ArrayList<>();
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < row.size(); i++) {
        line.append(row.get(i)).append(" ".repeat(widths[i] - row.get(i).length() + 2));
      }
      lines.add(line.toString().stripTrailing());
    }
    return lines;
  }
}
